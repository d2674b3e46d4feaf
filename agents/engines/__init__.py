"""Engines: what turns a prompt and a grammar into text. One protocol, three ways to run the model."""
