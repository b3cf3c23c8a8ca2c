//! Who paid, who owes: shares of purchases and the balances that follow from them.
