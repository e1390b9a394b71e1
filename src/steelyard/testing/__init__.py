"""The scripted vendor with its faults; shipped, so that users can test with it too."""
