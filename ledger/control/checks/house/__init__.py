"""The house around the money: is the database made as this program ships it, and is what decides about money as it was written?"""
