"""Words that say nothing of what is searched for, in some languages that are often met.

They are written as `learners.signals.title_words` reads words: in lower case, without accents, but
with the s of a plural. A language that is not here does without: its searches hold a little less
sure.
"""

from __future__ import annotations

_ENGLISH = """
a about after again all am an and any are as at be because been before being but by can cannot could
did do does doing for from get had has have he her here him his how i if in into is it its just like
me more most my need no not of off on or our out over please she should so some something such
than that the their them then there these they thing things this those to too under up us very
want was we were what when where which while who why will with would you your
"""
_GERMAN = """
aber als am an auch auf aus bei bin bis das dass dein dem den der des die dies doch du ein eine
einem einen einer eines er es etwas fur gegen hat habe haben ich ihr im in ins ist ja kann kein
keine man mein meine meinem meinen mich mir mit nach nicht noch nur oder ohne sein sich sie sind so
uber um und uns unser unter vom von vor was wenn werden wie wir wird zu zum zur
"""
_FRENCH = """
a au aux avec ce ces cette c d dans de des du elle en est et eux il ils j je l la le les leur leurs
lui m ma mais me mes moi mon n ne nos notre nous on ont ou par pas pour plus qu que quelque qui s sa
sans se ses si son sont sur ta te tes toi ton tu un une vos votre vous y
"""
_SPANISH_PORTUGUESE = """
a al algo ante ao aos as com como con da das de del desde do dos e el ella em en entre es esa ese
esta este eu ha hay isso isto la las lo los mais mas me mi mis muito muy na nas no nos o os ou para
pelo pela pero por porque que se sem ser si sin sobre son su sua sus tambem tambien te tu tus um uma
umas un una unas uno unos uns y ya yo
"""
_ITALIAN_DUTCH = """
ad aan agli ai al alla alle allo anche bij che chi ci come con cui da dagli dai dal dalla de degli
dei del della delle di dit e een ed en er gli het hij hun i ik il in is io je kan la le lei lo loro
lui ma maar mee met mi mij mijn na naar ne nei nel nella niet noi non nog of om ook op over per piu
qualcosa se si sono su sul sulla suo te ten tot tra uit un una uno van voor wat we wie wij ze zijn
"""
STOP_WORDS = frozenset(
    f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH_PORTUGUESE} {_ITALIAN_DUTCH}".split()
)
