"""The ground everything stands on: values, text rendering, settings, stores, artefacts, errors."""
