# All of this only with private networking. Application Insights stays on its public address: it is only written to.

locals {
  private = var.private_networking ? {
    service-bus = {
      resource_id = azurerm_servicebus_namespace.this.id
      subresource = "namespace"
      zone        = "privatelink.servicebus.windows.net"
    }
    cosmos = {
      resource_id = azurerm_cosmosdb_account.this.id
      subresource = "Sql"
      zone        = "privatelink.documents.azure.com"
    }
    redis = {
      resource_id = azurerm_managed_redis.this.id
      subresource = "redisEnterprise"
      zone        = "privatelink.redis.azure.net"
    }
    titles = {
      resource_id = azurerm_cognitive_account.titles.id
      subresource = "account"
      zone        = "privatelink.openai.azure.com"
    }
  } : {}
}

resource "azurerm_virtual_network" "this" {
  count               = var.private_networking ? 1 : 0
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  address_space       = [var.address_space]
  tags                = var.tags
}

resource "azurerm_subnet" "apps" {
  count                = var.private_networking ? 1 : 0
  name                 = "container-apps"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this[0].name
  address_prefixes     = [cidrsubnet(var.address_space, 1, 0)]

  delegation {
    name = "container-apps"

    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_subnet" "endpoints" {
  count                = var.private_networking ? 1 : 0
  name                 = "private-endpoints"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this[0].name
  address_prefixes     = [cidrsubnet(var.address_space, 1, 1)]
}

resource "azurerm_private_dns_zone" "this" {
  for_each            = local.private
  name                = each.value.zone
  resource_group_name = azurerm_resource_group.this.name
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each            = local.private
  name                = each.key
  private_dns_zone_id = azurerm_private_dns_zone.this[each.key].id
  virtual_network_id  = azurerm_virtual_network.this[0].id
  tags                = var.tags
}

resource "azurerm_private_endpoint" "this" {
  for_each            = local.private
  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  subnet_id           = azurerm_subnet.endpoints[0].id
  tags                = var.tags

  private_service_connection {
    name                           = each.key
    is_manual_connection           = false
    private_connection_resource_id = each.value.resource_id
    subresource_names              = [each.value.subresource]
  }

  private_dns_zone_group {
    name                 = each.key
    private_dns_zone_ids = [azurerm_private_dns_zone.this[each.key].id]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}
