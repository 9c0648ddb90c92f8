"""What the name of a type of event sounds like: shown, refused, bought, liked.

A guess by words, in some languages, for advice alone: nothing is learnt by it. A word counts
where it stands by itself (`item_disliked`, `addToCart`), in scripts without blanks anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Kind = Literal["refused", "shown", "bought", "in a cart", "liked"]

WEIGHTS: dict[Kind, int] = {"refused": -1, "shown": 0, "bought": 5, "in a cart": 3, "liked": 3}
"""What such a type may weigh to begin with; all others 1."""

_REFUNDS = """
refund refunded refunds return returned returns cancel cancelled canceled cancellation chargeback
retoure storno storniert rückgabe erstattung remboursement remboursé retour annulé annulation
devolución devolucion reembolso cancelado devolução rimborso reso annullato
возврат отмена 退货 退款 退貨 返品 返金 キャンセル 반품 환불 취소 استرداد إلغاء
"""
_REFUSED = """
dislike disliked dislikes downvote downvoted thumbs_down thumb_down thumbsdown not_interested
no_interest uninterested hide hid hidden block blocked mute muted report reported reject rejected
skip skipped dismiss dismissed complain complaint unlike unliked unfollow unfollowed unsubscribe
unsubscribed remove removed delete deleted negative hate hated
gefällt_nicht gefaellt_nicht missfällt ausblenden ausgeblendet blockiert gemeldet abgelehnt entfernt
gelöscht n_aime_pas masquer masqué signaler signalé bloquer bloqué refusé supprimé
no_me_gusta ocultar ocultado bloquear bloqueado denunciar rechazar rechazado eliminado
não_gostei nao_gostei descurtir non_mi_piace nascondi blocca segnala rifiutato
дизлайк не_нравится не_интересно скрыть скрыто жалоба заблокировать удалить
不喜欢 不喜歡 不感兴趣 不感興趣 点踩 踩 拉黑 屏蔽 举报 檢舉 删除 差评
低評価 よくない 嫌い 非表示 通報 ブロック 削除 싫어요 숨기기 차단 신고 삭제
لا_يعجبني حظر إخفاء
"""
_SHOWN = """
impression impressions impr exposure exposures exposed shown display displayed displays viewable
served rendered view_item_list list_view recommendation_view ad_view
einblendung einblendungen angezeigt affichage affiché impresión impresion mostrado impressão
impressao exibido exibição impressione visualizzato показ показы показан показано
曝光 展示 展现 展現 露出 インプレッション 表示 노출 ظهور
"""
_BOUGHT = """
buy buys bought purchase purchased purchases order ordered orders transaction checkout paid payment
sale sold kauf kaufen gekauft bestellung bestellt achat acheter acheté commande compra comprar
comprado pedido acquisto acquistato ordine покупка купил купить заказ
购买 下单 支付 付款 成交 購買 下單 購入 注文 구매 주문 결제 شراء طلب
"""
_CART = """
cart carts basket addtocart addtobasket warenkorb panier carrito cesta carrinho carrello корзина
корзину 加购 购物车 購物車 カート 장바구니 سلة
"""
_LIKED = """
like liked likes favorite favorited favourite favourited fav save saved bookmark bookmarked share
shared wishlist follow followed upvote upvoted thumbs_up thumb_up thumbsup subscribe subscribed
gefällt_mir gefaellt_mir merkzettel j_aime favori favoris me_gusta favorito curtir mi_piace
preferito нравится лайк избранное 点赞 收藏 喜欢 喜歡 分享 关注 いいね お気に入り 좋아요 찜 공유
إعجاب
"""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class _Words:
    """Words and phrases, looked for in a name."""

    def __init__(self, words: str) -> None:
        found = [word.replace("_", " ").casefold() for word in words.split()]
        self._inside = tuple(word for word in found if _WITHOUT_BLANKS.search(word))
        self._apart = tuple(f" {word} " for word in found if not _WITHOUT_BLANKS.search(word))

    def are_in(self, name: str) -> bool:
        plain = f" {plain_of(name)} "
        return any(word in plain for word in (*self._apart, *self._inside))


_TAKE_BACK = _Words(_REFUNDS)
_OUT = _Words("remove removed delete deleted entfernt retiré eliminado удалить 移出 删除 削除 삭제")
_KINDS: tuple[tuple[Kind, _Words], ...] = (
    ("refused", _Words(_REFUNDS + _REFUSED)),
    ("shown", _Words(_SHOWN)),
    ("in a cart", _Words(_CART)),
    ("bought", _Words(_BOUGHT)),
    ("liked", _Words(_LIKED)),
)


def kind_of(name: str) -> Kind | None:
    """Return what the name of a type sounds like, None where that is nothing of these."""
    return next((kind for kind, words in _KINDS if words.are_in(name)), None)


def taken_back_by(name: str, others: Iterable[str]) -> str | None:
    """Return that type of `others` which events of type `name` sound as if they took back."""
    others = [other for other in others if other != name]
    plain = plain_of(name).replace(" ", "")
    for other in others:
        if plain == f"un{plain_of(other).replace(' ', '')}":
            return other
    wanted: Kind | None = "bought" if _TAKE_BACK.are_in(name) else None
    if _OUT.are_in(name) and dict(_KINDS)["in a cart"].are_in(name):
        wanted = "in a cart"
    return next((other for other in others if wanted and kind_of(other) == wanted), None)


def plain_of(name: str) -> str:
    """Return the words of a name in small letters, a blank between them."""
    return " ".join(_WORD.findall(_CAMEL.sub(" ", name).casefold()))
