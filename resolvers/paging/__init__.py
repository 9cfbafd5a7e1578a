"""One page of a federated connection: streams are opened, merged, and cursors written."""
