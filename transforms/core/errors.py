"""Errors that a person can do something about.

```
SvodError
├── ConfigurationError   an option is wrong; found before anything is read (exit code 2)
│   └── AwayError        the service of an option does not answer: that may pass by itself
├── LedgerError          the ledger's database does not answer, or refuses (exit code 1)
├── StoreError           a store cannot be read, or stopped answering (exit code 1)
└── SecretError          a worker has no value for a secret (exit code 1)
```

Their messages are for people, and hold neither secrets nor personal data.
"""


class SvodError(Exception):
    """Base of the errors whose message says enough: no traceback is shown."""


class ConfigurationError(SvodError):
    """An option, or the service that it names, is wrong; the message names the option."""


class AwayError(ConfigurationError):
    """The service that an option names does not answer: the option may be right; wait for it."""


class LedgerError(SvodError):
    """The ledger's database does not answer, or refuses; the message is the driver's."""


class StoreError(SvodError):
    """A store cannot be read; the message says which one and what to do."""


class SecretError(SvodError):
    """A secret has no value where it is needed; the message names its variable."""
