"""The year's clearing beside its progress: one letter with its papers, the plan of budgets and rates."""
