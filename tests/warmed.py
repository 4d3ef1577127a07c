"""What each process of the program makes when it first needs it: made before they are forked."""

from sqlalchemy.orm import configure_mappers

from fototui.db.models import load_all

load_all()
configure_mappers()
