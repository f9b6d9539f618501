"""Bitrix24: client, limits, mapping, loader."""
