"""The interface between the engine and a provider: questions, answers, capabilities, errors."""
