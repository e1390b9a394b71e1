"""Pages for people, served by the control process; they show what control's API tells."""
