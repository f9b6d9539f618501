"""The distribution: Beam workers install it too (``--setup_file=./setup.py``)."""

from setuptools import setup

# The packages are named, not found: find_packages() would ship tests and flex_template as well.
PACKAGES = [
    "pipeline",
    "pipeline.report",
    "transforms",
    "transforms.crm",
    "transforms.fields",
    "transforms.ledger",
    "transforms.matching",
    "transforms.register",
    "transforms.stores",
    "sandbox",
    "sandbox.bitrix24",
]

setup(
    # Not "pipeline" or "transforms": PyPI has packages of those names.
    name="svod",
    version="0.1.0",
    description="One clean base of business customers in Bitrix24, from two stores.",
    python_requires=">=3.11,<3.12",
    packages=PACKAGES,
    package_data={
        "pipeline.report": ["*.html", "*.css"],
        "sandbox": ["*.json", "*.html", "engines/*.xml"],
    },
    install_requires=[
        "apache-beam==2.77.0",
        "beam-mysql-connector==1.8.6",
        "confluent-kafka==2.16.1",
        "email-validator==2.4.0",
        "ijson==3.6.0",
        "msgspec==0.22.0",
        "phonenumbers==9.0.43",
        "PyMySQL==1.2.4",
        "rapidfuzz==3.14.6",
        "requests==2.34.2",
        "SQLAlchemy==2.1.9",
        "tzdata==2026.6",
        "zstandard==0.25.0",
    ],
    extras_require={
        "bench": ["recordlinkage==0.16", "splink==5.0.0"],
        "dev": [
            "fast-bitrix24==1.8.14",
            "hypothesis==6.170.15",
            "mypy==2.4.1",
            "pytest==9.2.0",
            "pytest-xdist==3.8.0",
            "python-stdnum==2.2",
            "ruff==0.17.6",
            "types-requests==2.33.0.20261030",
        ],
        "postgresql": ["psycopg[binary]==3.3.9"],
    },
    entry_points={"console_scripts": ["svod=pipeline.__main__:main"]},
)
