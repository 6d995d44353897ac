"""Records in, once: judged, admitted, stored with what they owe, or kept in quarantine (arts. 9, 10). On record, layers."""
