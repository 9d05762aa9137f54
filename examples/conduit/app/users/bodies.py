from pydantic import BaseModel

from app.shapes import Email, Text, TextOrNothing


class Login(BaseModel):
    email: Text
    password: Text


class LoginBody(BaseModel):
    user: Login


class Registration(BaseModel):
    email: Email
    password: Text
    username: Text


class RegistrationBody(BaseModel):
    user: Registration


class Changes(BaseModel):
    """Only what is given changes; ``null`` clears a biography and an image, and nothing else."""

    email: Email = ""
    password: Text = ""
    username: Text = ""
    bio: TextOrNothing = None
    image: TextOrNothing = None


class ChangesBody(BaseModel):
    user: Changes


class SignedIn(BaseModel):
    email: str
    token: str
    username: str
    bio: str | None
    image: str | None


class UserBody(BaseModel):
    user: SignedIn
