"""All users of a shard: read when they turn up, kept in memory as long as there is room.

Only a bounded number of records stays in memory. A user who was idle while `idle` interactions
were learnt in the shard is new again, so no more than `idle` users can be remembered; their
records are deleted bucket by bucket.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from learners.codec import pack, unpack, unpack_as, version_of
from learners.intent.record import IntentRecord
from learners.signals import undo as undo_records
from learners.users import taken as had
from learners.users.user import KEPT, User

KIND = "learner:user"
BUCKET_KIND = "learner:users-seen"
_VERSION = 4
_FLAT = 3
"""The version of records in which the fields of `intent` stood beside the others."""
_BUCKET_VERSION = 3
_BUCKET = 2_000
_LOOKED_THROUGH = 200
"""So many users at most are looked through for those who were there last."""

Changed = Iterator[tuple[str, str, bytes | None]]


class Users:
    """All users of a shard, loaded through `load(kind, key)` when first needed."""

    def __init__(self, load: Callable[[str, str], bytes | None], in_memory: int, idle: int) -> None:
        self._load = load
        self._in_memory = in_memory
        self._idle = idle
        self.space = 0
        self._loaded: OrderedDict[str, User] = OrderedDict()
        self._dirty: set[str] = set()
        self._oldest = -1
        self._bucket = 0
        self._bucket_users: dict[str, None] = {}
        self._bucket_dirty = False
        self._closed: dict[int, list[str]] = {}

    def __len__(self) -> int:
        """Return how many are loaded."""
        return len(self._loaded)

    def get(self, user_id: str, position: int) -> User:
        """Return a user's record as of `position`; a fresh one for a new or forgotten user.

        A fresh one is kept only when it is touched: to ask for a list leaves no trace.
        """
        user = self._loaded.get(user_id)
        if user is None:
            user = self._read(user_id)
            if user is None:
                return User(space=self.space)
            self._loaded[user_id] = user
        self._loaded.move_to_end(user_id)
        if user.space != self.space:
            user.move(self.space)
        return User(space=self.space) if position - user.last > self._idle else user

    def peek(self, user_id: str, position: int) -> User | None:
        """Return a user's record to look at, not to be changed; None for a new or forgotten one.

        Who is read for it is not kept: however many are asked for, memory stays as it was.
        """
        user = self._loaded.get(user_id) or self._read(user_id)
        if user is None or position - user.last > self._idle:
            return None
        if user.space != self.space:
            user.move(self.space)
        return user

    def newest(self, most: int) -> list[tuple[str, User]]:
        """Return at most so many of those in memory, the last who were met first; to look at."""
        return list(islice(reversed(self._loaded.items()), most))

    def lately(self, position: int, most: int) -> list[tuple[str, User]]:
        """Return the users whose newest interactions came last, at most so many; to look at.

        They are looked for among those in memory and, where those are too few, among those of
        the newest bucket: after a restart nobody is in memory yet.
        """
        enough = max(most, _LOOKED_THROUGH)
        names = [name for name, _ in self.newest(enough)]
        if len(names) < most:
            names = list(dict.fromkeys((*names, *islice(reversed(self._bucket_users), enough))))
        found = [(name, self.peek(name, position)) for name in names]
        known = [(name, user) for name, user in found if user is not None]
        return sorted(known, key=lambda one: (-one[1].last, one[0]))[:most]

    def switch(self, moved: Mapping[str, User], position: int) -> None:
        """Switch to another space: those who were moved with their vectors, all others without."""
        self.space += 1
        for user_id, made in moved.items():
            user = self.get(user_id, position)
            if user_id in self._loaded:
                user.move(self.space, made)
                self._dirty.add(user_id)

    def touch(self, user_id: str, user: User, position: int) -> None:
        """Keep a user as changed by the interaction at `position`."""
        user.last = position
        self._loaded[user_id] = user
        self._loaded.move_to_end(user_id)
        self._dirty.add(user_id)
        bucket = position // _BUCKET
        if bucket != self._bucket:
            self._closed[self._bucket] = list(self._bucket_users)
            self._bucket, self._bucket_users = bucket, {}
        self._bucket_users[user_id] = None
        self._bucket_dirty = True

    def changed(self, position: int) -> Changed:
        """Yield the records changed since the last call, and forget users idle too long."""
        for user_id in self._dirty:
            yield KIND, user_id, _encode(self._loaded[user_id])
        self._dirty.clear()
        for bucket, users in self._closed.items():
            yield BUCKET_KIND, str(bucket), pack(BUCKET_KIND, _BUCKET_VERSION, users)
        self._closed.clear()
        if self._bucket_dirty:
            users = list(self._bucket_users)
            yield BUCKET_KIND, str(self._bucket), pack(BUCKET_KIND, _BUCKET_VERSION, users)
            self._bucket_dirty = False
        yield from self._expire(position)
        while len(self._loaded) > self._in_memory:
            self._loaded.popitem(last=False)

    def restore(self, buckets: Iterator[tuple[str, bytes]]) -> None:
        """Restore the newest bucket of users seen; the records themselves load lazily."""
        newest, blob = -1, b""
        for key, value in buckets:
            if int(key) > newest:
                newest, blob = int(key), value
            self._oldest = min(self._oldest, int(key)) if self._oldest >= 0 else int(key)
        if newest >= 0:
            self._bucket = newest
            self._bucket_users = dict.fromkeys(unpack(blob, BUCKET_KIND, _BUCKET_VERSION))

    def _expire(self, position: int) -> Changed:
        """Delete what buckets that fell out of the idle span still hold, a few per call."""
        limit = (position - self._idle) // _BUCKET
        start = max(self._oldest, 0)
        for bucket in range(start, min(limit, start + 50)):
            blob = self._load(BUCKET_KIND, str(bucket))
            for user_id in unpack(blob, BUCKET_KIND, _BUCKET_VERSION) if blob else ():
                user = self._loaded.get(user_id) or self._read(user_id)
                if user is not None and user.last // _BUCKET <= bucket:
                    self._loaded.pop(user_id, None)
                    yield KIND, user_id, None
            yield BUCKET_KIND, str(bucket), None
            self._oldest = bucket + 1

    def _read(self, user_id: str) -> User | None:
        blob = self._load(KIND, user_id)
        if blob is None:
            return None
        user = unpack_as(blob, KIND, (_VERSION, _FLAT), User)
        if version_of(blob)[1] == _FLAT:
            user.intent = unpack_as(blob, KIND, _FLAT, IntentRecord)
        user.words, user.figures = undo_records.whole(user.words, user.figures)
        user.taken = None if user.taken is None else had.widened(user.taken)
        return user


def _encode(user: User) -> bytes:
    for name in KEPT:
        setattr(user, name, getattr(user, name)[..., : user.kept].copy())
    if user.taken is not None:
        user.taken = user.taken[:, : user.kinds].copy()
    return pack(KIND, _VERSION, user)
