"""Real servers on this machine: MariaDB, Kafka, Flink, and our own as processes."""
