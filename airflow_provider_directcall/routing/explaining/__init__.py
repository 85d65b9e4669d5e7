"""What rules and calendars do to a call, in words and pictures, and what is wrong with them."""
