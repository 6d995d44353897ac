"""The daily payout 日拨付 (arts. 9–12): book what arrived, order what is owed. On ordering, institutions."""
