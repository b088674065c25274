"""The change feed as somebody may see it, how far each program has read, and webhooks that are sent it."""

from serving.feed.cursors import lags, note_cursor
from serving.feed.reading import TYPES, FeedFilter, check_filter, last_event, read_feed

__all__ = ["TYPES", "FeedFilter", "check_filter", "lags", "last_event", "note_cursor", "read_feed"]
