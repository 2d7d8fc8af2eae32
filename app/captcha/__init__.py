"""The CAPTCHA service: challenges, one-use tokens and their verification, as Starlette routes.

`service.make_service` wires it, `routes.build_routes` puts it into any Starlette application; nothing here knows
Gradio. `judge.py` is the one interface of the part that looks at faces. `python -m app.captcha` manages sites and keys.
"""
