"""The ground floor: records, identity, errors, secrets, processes. Imports nothing of ours."""
