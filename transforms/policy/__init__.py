"""The policy: what each source column is, under which clause it was collected, what may leave.

It is read from a file of the privacy officer's (TOML) and is strict: what it does not name does
not exist, and what it misspells stops the run. Clause numbers are those of the privacy policy
(9 to 15: what is collected; 16: statistics; 26: minors). The rooms, from the words up:

    roles.py        what a column may be: roles, types, derivations, what clause 16 forbids
    columns.py      one source column, and what may be said of it in its role
    sources.py      one table: its columns, whose rows, its CSV files, how long rows are kept
    eligibility.py  who is left out by rule; how long what a clause collected is kept
    limits.py       how much protection, and how much may be lost for it
    labels.py       what values become: bands, lists of labels, vocabularies
    tables.py       tables of people, how they are recoded, what becomes of earlier releases
    opt_out.py      how the opt-out list is kept, and how its senders write
    attributes.py   what is known of a person, out of which column
    declared.py     all of these in one, and what follows: attributes, owners, what is read
    problems/       what parts that are right by themselves get wrong together
    whole.py        the Policy: all that is declared, without a problem

Tables of counts and sums are declared in `transforms/magnitude/declared.py`; the forms of names,
clauses and dates are in `transforms/fields.py`.
"""
