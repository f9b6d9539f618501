"""What can go wrong in a way that a person can do something about.

```
SvodError
├── ConfigurationError   an option is wrong; found before anything was read (exit code 2)
│   └── AwayError        or what it points at does not answer: that may pass by itself
├── LedgerError          the ledger's database does not answer, or refuses (exit code 1)
├── StoreError           a store cannot be read, or stopped answering (exit code 1)
└── SecretError          a worker has no value for a secret (exit code 1)
```

Their messages are for people and hold no secret and no personal data.
"""


class SvodError(Exception):
    """Base of the errors whose message is enough: no traceback is shown for them."""


class ConfigurationError(SvodError):
    """An option, or what it points at, is wrong; the message names the option."""


class AwayError(ConfigurationError):
    """What an option points at does not answer: the option may be right, and waiting help."""


class LedgerError(SvodError):
    """The ledger's database does not answer, or refuses; the message is the driver's."""


class StoreError(SvodError):
    """A store cannot be read; the message says which one and what to do."""


class SecretError(SvodError):
    """A secret has no value where it is needed; the message names its variable."""
