"""The site key of the app's own CAPTCHA tab: challenges are as real as any, and nobody holds a secret to redeem the token with."""

from app.captcha.sites import Site

KEY = "fs-own-page"
HOST = "own-page.invalid"  # the tab may be served under any name; a token that nobody can redeem needs none
SITE = Site(KEY, "the app's own tab", (HOST,))
