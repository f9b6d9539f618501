"""The content of a portal: tables of records, their fields, filters, orders and pages."""
