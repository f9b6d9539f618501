"""``svod init``: a commented configuration file, or the built-in one."""

from importlib.resources import files
from pathlib import Path

from transforms import configuration
from transforms.core.errors import ConfigurationError

DEFAULT_FILE = Path("svod.toml")


def template_text() -> str:
    """Returns a configuration file in which all is explained and nothing is set."""
    return files(configuration).joinpath("template.toml").read_text("utf-8")


def write_configuration(file: Path, text: str) -> None:
    """Write a new configuration file.

    Raises:
        ConfigurationError: the file is there already, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigurationError(
            f"{file} is there already, and stays as it is: name another file, as in svod init"
            " --output new.toml"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from None
