"""The month 月结算 (arts. 12–20): hand-back, settlement sheet, approval, orders, remittance. On audit, advances."""
