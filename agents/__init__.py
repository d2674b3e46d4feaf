"""The caller: mentions, picker, writer under a grammar, reviewer; and the engines that run the model."""
