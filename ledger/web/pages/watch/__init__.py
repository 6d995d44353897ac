"""What is watched: the monitor's figures, and cases of risk with the steps two persons take."""
