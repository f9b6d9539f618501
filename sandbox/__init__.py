"""A world to try it in: generated stores, a strict local Bitrix24, a local register."""
