"""The one exception that stands for a mistake a user can make and mend."""


class UserError(Exception):
    """A problem with what the user supplied, told in one sentence.

    The sentence names what was expected, what came and what to do. The command line prints it
    without a traceback and exits with code 2.
    """
