"""What the tasks of campaigns share: their files, their arguments, opt-outs."""
