"""Server-rendered pages: no script, one small style sheet within, readable at 360 px."""
