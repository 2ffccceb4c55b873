"""`python -m lstm_report`: the command `lstm-report`, where its script is not on the path."""

from lstm_report.cli.app import main

if __name__ == "__main__":
    main()
