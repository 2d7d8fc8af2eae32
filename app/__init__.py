"""The web page of FER-Sys, on Gradio. `python -m app` starts it; `demo.py` says how to add a tab."""
