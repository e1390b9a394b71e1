"""Authenticity (对不对版): does a channel really serve the model that it sells?"""
