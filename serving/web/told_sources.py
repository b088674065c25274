"""What connectors and landing say of deliveries: drift, reasons of quarantine, why a stream failed or was refused.

Sentences for translation; the more special ones come first, for the first that fits is taken.
"""

from __future__ import annotations

from serving.web.languages import N_

SENTENCES = (
    # Why a stream failed or was refused.
    N_(
        "%(stream)s: %(n)s rows are fewer than volume_floor %(floor)s of the last %(last)s; taking them would delete "
        "the others; if that is right, lower volume_floor"
    ),
    N_(
        "%(stream)s: %(n)s rows are more than volume_ceiling %(ceiling)s times the last %(last)s; if that is right, "
        "raise volume_ceiling"
    ),
    N_("%(stream)s: nothing usable was delivered (%(n)s rows), after %(last)s rows the last time"),
    N_("%(stream)s: there is no file %(file)s (tried %(times)s times)"),
    N_("%(stream)s: there is no file %(file)s"),
    N_("%(stream)s: no file matches %(file)s"),
    N_("%(stream)s: %(file)s changed while it was read (tried %(times)s times)"),
    N_("%(stream)s: %(file)s: protected by a password; save it without one"),
    N_("%(stream)s: %(file)s: no spreadsheet that can be read: %(why)s"),
    N_("%(stream)s: column '%(name)s' (%(role)s) is not delivered (did you mean '%(near)s'?)"),
    N_("%(stream)s: column '%(name)s' (%(role)s) is not delivered; there are %(names)s"),
    N_("%(stream)s: column '%(name)s' (%(role)s) is not delivered"),
    N_("column '%(name)s' (%(role)s) is not delivered (did you mean '%(near)s'?)"),
    N_("column '%(name)s' (%(role)s) is not delivered; there are %(names)s"),
    N_("column '%(name)s' (%(role)s) is not delivered"),
    N_("%(stream)s: there is no table '%(name)s' (did you mean '%(near)s'?)"),
    N_("%(stream)s: there is no table '%(name)s'; there are %(names)s"),
    N_("%(stream)s: %(n)s columns, where no more than %(most)s are taken (is it the right file, and its delimiter?)"),
    N_("%(stream)s: %(server)s does not answer: %(why)s (tried %(times)s times)"),
    N_("%(stream)s: %(server)s does not answer: %(why)s"),
    N_("%(stream)s: %(server)s answered %(status)s sign-in was refused: %(why)s"),
    N_("%(stream)s: %(server)s answered %(status)s sign-in was refused"),
    N_("%(stream)s: %(server)s answered %(status)s access is refused: %(why)s"),
    N_("%(stream)s: %(server)s answered %(status)s access is refused"),
    N_("%(stream)s: %(server)s answered %(status)s there is nothing: %(why)s"),
    N_("%(stream)s: %(server)s answered %(status)s there is nothing"),
    N_("%(stream)s: %(server)s answered %(status)s %(why)s (tried %(times)s times)"),
    N_("%(stream)s: the answer holds no '%(name)s' (%(option)s)"),
    # Drift.
    N_("new column '%(name)s' (%(kind)s)"),
    N_("missing column '%(name)s'"),
    N_("column '%(name)s' was %(before)s and is %(after)s now"),
    N_("column '%(name)s' held %(kind)s and holds %(other)s now"),
    N_("%(file)s holds no row below its header"),
    N_("the server ignores '%(name)s': %(n)s of %(all)s rows are older than asked for; everything is read from now on"),
    N_("no row tells when it changed (column '%(name)s'); everything is read each time"),
    N_("the delta link ended; everything is read"),
    N_("the table tracks no changes; everything is read each time"),
    N_("the slot %(name)s lost its place in the log; everything is read"),
    # Why a row was set aside, or a value.
    N_("a time that is none; the row is kept without it"),
    N_("a date that is none; the row is kept"),
    N_("a NUL character; the row is kept, the value without it"),
    N_("%(n)s columns where the header has %(m)s (%(place)s)"),
    N_("%(n)s columns where the header has %(m)s"),
    N_("bytes that are not %(encoding)s (%(place)s)"),
    N_("bytes that are not %(encoding)s"),
    N_("a quote that is not closed (%(place)s)"),
    N_("a quote that is not closed"),
    N_("a quote that swallows what follows (%(place)s)"),
    N_("a quote that swallows what follows"),
    N_("text that is not UTF-8"),
    N_("no JSON object (%(place)s)"),
    N_("no JSON object"),
    N_("no JSON: %(why)s (%(place)s)"),
    N_("no JSON"),
    N_("key twice in one delivery with different content; row %(n)s, which is newer, is kept"),
    N_("key twice in one delivery with different content; row %(n)s is kept"),
    N_("key twice in one delivery with different content"),
    N_("its record id belongs to another key (a hash collision); give this row another key"),
    N_("no key: %(names)s is empty"),
    N_("%(file)s is empty"),
    # What a column holds.
    N_("numbers"),
    N_("dates"),
    N_("number"),
    N_("date"),
    N_("text"),
)
