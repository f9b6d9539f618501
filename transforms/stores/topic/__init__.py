"""The Kafka topic: its client, readers, events and offsets."""
