"""What people read: progress, summary, report."""
