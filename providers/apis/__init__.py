"""The providers that ship: one folder an API. None knows another."""
