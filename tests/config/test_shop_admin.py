"""Where the store is in Shopify's admin."""

import pytest

from fototui.config.settings import Settings


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, None),
        ({"shopify_store_handle": "foto"}, "https://admin.shopify.com/store/foto"),
        (
            {"shopify_store_url": "https://foto-knihy.myshopify.com"},
            "https://admin.shopify.com/store/foto-knihy",
        ),
        (
            {
                "shopify_store_url": "https://foto-knihy.myshopify.com",
                "shopify_store_handle": "jiny",
            },
            "https://admin.shopify.com/store/jiny",
        ),
        # A shop's own domain does not tell its handle.
        ({"shopify_store_url": "https://www.example.com"}, None),
        ({"shopify_store_url": "http://127.0.0.1:8000/shopify"}, None),
        ({"shopify_store_handle": "a/../b?c"}, "https://admin.shopify.com/store/a%2F..%2Fb%3Fc"),
    ],
)
def test_the_address_comes_of_the_handle_or_of_the_stores_address(
    values: dict[str, str], address: str | None
) -> None:
    assert Settings.model_validate(values).shop_admin == address
