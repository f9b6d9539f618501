"""The portal's REST API: connection, batches, answers, and how our records look there."""
