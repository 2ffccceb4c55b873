"""What stands for a mistake a user can make and mend, and for what may be one."""


class UserError(Exception):
    """A problem with what the user supplied, told in one sentence.

    The sentence names what was expected, what came and what to do. The command line prints it
    without a traceback and exits with code 2.
    """


class FileWarning(UserWarning):
    """Something in a file that looks like a mistake and may be none, told in one sentence."""
