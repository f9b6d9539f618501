"""What a portal holds: tables of records, their fields, filters, orders and pages."""
