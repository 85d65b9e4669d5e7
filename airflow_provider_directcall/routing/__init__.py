"""Number routing: rules as data, calendars, plans, and their application to a number's live rules."""
