"""What the parts of a policy, each right by itself, get wrong together: a sentence a problem.

    people.py       who a person is, by what they are found, whose the rows of a table are
    rules.py        the columns that eligibility and retention read, and for how long
    answers.py      each category of clause 16 answered for; what is undecided yet
    attributes.py   names, hierarchies and vocabularies of what is made of columns
    microdata.py    tables of people: their attributes, and what two of them tell together
    magnitude.py    tables of counts and sums: budget, events, the persons behind companies

`whole.py` asks them in one order, in which the officer reads them.
"""
