"""The base: golden records and their members, the register's answers, judgements."""
