"""Task groups: campaigns."""
