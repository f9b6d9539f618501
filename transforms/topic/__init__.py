"""The Beam steps of the topic: reading it bounded and unbounded, writing what it brings."""
