"""What is to be loaded, what has been sent, what the CRM refused."""
