"""Helpers that several test files share, one module for each subject.

``installation`` is Svod with its stores, register, portal and ledger; ``topic_installation`` is
the same with a topic on a real broker as store B; ``follower_program`` runs ``svod delta
--follow`` there as a process that a test may kill. ``expected_crm`` states what the CRM must hold
of a world.

``ledger_runs`` makes rows, runs and snapshots of a ledger; ``row_histories`` draws versions of
rows in any order (hypothesis); ``report_ledger`` fills a ledger with a record in each state.

``golden_load`` loads golden records into a portal; ``virtual_time_load`` does so on the portal's
own clock. ``matching_rows`` makes contact rows, ``json_values`` any value that JSON can hold, and
``report_browser`` drives a Chromium.
"""
